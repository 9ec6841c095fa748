"""The platform API at `/`: connections, authentication, one call in and one answer out, faults."""
