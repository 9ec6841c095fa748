"""What the deployed functions share. `s deploy` uploads this package together with functions/."""
