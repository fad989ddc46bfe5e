"""What people's own tools open: the star schema, a Power BI project on it, and workbooks for Tableau."""
