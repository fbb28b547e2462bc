"""Migrations of the ledger, run by :mod:`apologylab.storage.migrate`."""
