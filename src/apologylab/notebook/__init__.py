"""The door for researchers: functions for notebooks."""
