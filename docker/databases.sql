-- Beside the `prefect` database that the image makes.
CREATE DATABASE mlflow;
