"""The same in PySpark, local[4]: what the replaced system used. No rules, rejects, hashes, manifests or gold."""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ |= {"SPARK_LOCAL_IP": "127.0.0.1", "SPARK_LOCAL_HOSTNAME": "localhost", "PYSPARK_PYTHON": sys.executable}

from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from benchmarks.peers.work import EMP_LENGTH, columns, files


def typed(text: Column, kind: str) -> Column:
    if kind in ("integer", "number"):
        return text.cast("double")
    if kind == "percent":
        return F.regexp_replace(F.trim(text), "%$", "").cast("double") / 100
    if kind == "months_term":
        return F.regexp_replace(F.trim(text), " months$", "").cast("double")
    if kind == "emp_length":
        pairs = [F.lit(item) for pair in EMP_LENGTH.items() for item in pair]
        return F.create_map(*pairs)[text]
    if kind in ("month", "date"):
        return F.to_date(text, "MMM-yyyy")
    return text


def main(landing: Path, out: Path) -> None:
    spark = (
        SparkSession.builder.master("local[4]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.ansi.enabled", "false")
        .config("spark.driver.memory", "6g")
        .config("spark.sql.parquet.compression.codec", "zstd")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    for table, path in files(landing).items():
        bronze = spark.read.csv(str(path), header=True, quote='"', escape='"', multiLine=False)
        bronze.write.mode("overwrite").parquet(str(out / f"bronze_{table}.parquet"))
        kept = [typed(F.col(name), kind).alias(name) for name, kind in columns(table).items()]
        silver = spark.read.parquet(str(out / f"bronze_{table}.parquet")).select(kept).dropDuplicates(["id"])
        silver.write.mode("overwrite").parquet(str(out / f"silver_{table}.parquet"))
    spark.stop()


main(Path(sys.argv[1]), Path(sys.argv[2]))
