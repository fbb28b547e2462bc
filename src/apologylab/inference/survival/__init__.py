"""Time to event: counts of what ended units' time and when, and what is estimated of them."""
