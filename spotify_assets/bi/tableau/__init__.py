"""What Tableau opens: an extract, a workbook on it, and a data source in Athena."""
