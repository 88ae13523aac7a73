"""What a meter counts: how much energy passes, and what is kept of it at which boundaries."""
