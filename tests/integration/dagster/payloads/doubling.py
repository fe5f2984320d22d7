"""A module shipped beside the script."""

from pyspark.sql import DataFrame


def doubled(frame: DataFrame) -> DataFrame:
    """Each id and its double."""
    return frame.selectExpr("id", "id * 2 as twice", "cast(id as string) as name")
