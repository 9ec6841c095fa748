"""Operations on signatures (sender names)."""
