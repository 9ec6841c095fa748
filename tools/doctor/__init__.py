"""``make doctor``: check a configuration before the first deploy, without sending anything."""
