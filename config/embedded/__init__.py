"""The PostgreSQL that comes with the project: a Django backend that starts it when a command first needs a database."""
