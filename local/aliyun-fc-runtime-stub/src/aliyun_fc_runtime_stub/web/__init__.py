"""HTTP in and out: ports, who may call, events made of requests, answers made of results."""
