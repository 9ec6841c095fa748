"""The configuration: what is in it, how it is read from YAML, and the settings."""
