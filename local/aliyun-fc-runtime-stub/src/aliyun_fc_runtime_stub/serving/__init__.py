"""The functions of one s.yaml or state folder at work: invocations, queue, timers, reloading."""
