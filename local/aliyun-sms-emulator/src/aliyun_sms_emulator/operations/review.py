"""How the state of a review is shown, which templates and signatures have alike."""

from __future__ import annotations

REVIEW_DATE = "2024-01-01 00:00:00"
"""Date of creation of what was there from the beginning."""

AUDIT_STATES = {
    "reviewing": "AUDIT_STATE_INIT",
    "approved": "AUDIT_STATE_PASS",
    "rejected": "AUDIT_STATE_NOT_PASS",
    "cancelled": "AUDIT_SATE_CANCEL",  # the platform's own spelling
}
REVIEW_NUMBERS = {"reviewing": 0, "approved": 1, "rejected": 2, "cancelled": 10}


def reason_of(status: str) -> str:
    """What the reviewer has said."""
    return "内容不符合规范" if status == "rejected" else "无审核备注"


def audit_info(status: str, applied_on: str) -> dict[str, object]:
    """When a review ended, and why it was not passed."""
    info: dict[str, object] = {}
    if status in {"approved", "rejected"}:
        info["AuditDate"] = applied_on
    if status == "rejected":
        info["RejectInfo"] = reason_of(status)
    return info
