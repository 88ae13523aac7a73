"""Metering of an electricity meter: registers, tariffs, billing, logs, maximum demand."""
