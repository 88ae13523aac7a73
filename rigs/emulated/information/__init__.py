"""What displays on the HAN are told: of electricity by the meter, of gas by the proxy; and what they show."""
