"""Distribution and activation of firmware images."""
