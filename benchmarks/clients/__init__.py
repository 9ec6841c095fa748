"""What is measured: each module sends one SMS its own way, in a process of its own."""
