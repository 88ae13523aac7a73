"""Who may do what: use case by use case."""
