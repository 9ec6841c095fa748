"""Operations that ask what became of messages."""
