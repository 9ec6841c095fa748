"""https: its certificates, the layer under a connection, and what makes a client trust it."""
