def handler(event: bytes, _context: object) -> bytes:
    return event
