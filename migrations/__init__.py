"""The database schema's history, run by Alembic through `plenum migrate`."""
