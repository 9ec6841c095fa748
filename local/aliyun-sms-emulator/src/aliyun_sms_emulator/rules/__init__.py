"""The platform's business rules: pure functions over numbers, parameters, texts and counts."""
