"""The rules of SMS_LIMITS."""

# the rules of SMS_LIMITS (see shared/limits.py); 0 is no limit
DEFAULT_LIMITS = {
    "codes-per-minute": 1,
    "codes-per-hour": 5,
    "codes-per-day": 10,
    "number-per-minute": 5,
    "number-per-hour": 20,
    "number-per-day": 50,
    "address-per-hour": 30,
    "address-per-day": 100,
    "key-per-hour": 0,
    "key-per-day": 0,
    "prefix-per-hour": 10,
    "prefix-per-day": 30,
    "country-per-day": 100,
    "mainland-per-day": 10_000,
    "mainland-per-month": 100_000,
    "international-per-day": 200,
    "international-per-month": 2_000,
    "requests-per-second": 0,
    "unconfirmed-per-country": 20,
    "unconfirmed-per-address": 10,
}
