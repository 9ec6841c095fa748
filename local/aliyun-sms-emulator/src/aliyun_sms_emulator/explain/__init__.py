"""Why a signature was refused: proven by signing again with each known mistake."""
