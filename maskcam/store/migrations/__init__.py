"""Steps from one state of the tables to the next, in `versions/`; Alembic runs them when a store is opened."""
