"""Hooks of other products: what they send becomes codes and alarms."""
