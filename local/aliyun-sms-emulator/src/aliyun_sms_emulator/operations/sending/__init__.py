"""Operations that send, and what they have in common."""
