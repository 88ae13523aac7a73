"""What a gas meter counts, keeps and does by its tariff, its calendars and its battery, and what its proxy shows."""
