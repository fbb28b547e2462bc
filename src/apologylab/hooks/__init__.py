"""The door for order systems: light to import, and it never raises into the caller (R11).

>>> from apologylab.hooks import open_folder
>>> client = open_folder("experiments")
>>> client.draw("no_such_test", "customer-1", {"kind": "late_ride"}).reason
'FALLBACK'
"""

from apologylab.assignment.pseudonyms import pseudonym
from apologylab.hooks.client import Client, open_folder
from apologylab.hooks.embedded import LedgerClient, connect
from apologylab.hooks.given import Given
from apologylab.record.facts import Incident

__all__ = ["Client", "Given", "Incident", "LedgerClient", "connect", "open_folder", "pseudonym"]
