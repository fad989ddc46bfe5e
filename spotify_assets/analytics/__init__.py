"""The analyses: SQL files in Athena's dialect, what they read, and the engines that run them. Imports no Dagster."""
