"""The Power BI Project: a semantic model as TMDL and a report as PBIR, both of them text."""
