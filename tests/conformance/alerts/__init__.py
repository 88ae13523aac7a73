"""Alerts: what raises them, how they are protected, and to whom they go."""
