"""The content-addressed store, its records, and what is shown in MLflow."""
