"""Preprocessing in PySpark, local[4], which the replaced system used: bronze, silver, rejects, rules, features.

`work` says what is left out. Rows have no number in their file, only one of their own.
"""

from __future__ import annotations

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

os.environ |= {"SPARK_LOCAL_IP": "127.0.0.1", "SPARK_LOCAL_HOSTNAME": "localhost", "PYSPARK_PYTHON": sys.executable}

from pyspark.sql import DataFrame, Observation, SparkSession, Window
from pyspark.sql import functions as F  # noqa: N812
from pyspark.sql import types as T  # noqa: N812

from benchmarks.peers import engineered, work
from benchmarks.peers.spark_cells import TYPES, WORDS, still, typed, why

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import Column

    from jobs.protocol.contract import Column as Agreed

ROW = "_row"
SETTINGS = {
    "spark.driver.extraJavaOptions": "-XX:+UseParallelGC",
    "spark.driver.memory": "8g",
    "spark.sql.ansi.enabled": "false",
    "spark.sql.autoBroadcastJoinThreshold": "128m",
    "spark.sql.codegen.maxFields": "400",
    "spark.sql.legacy.timeParserPolicy": "CORRECTED",
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.hadoop.parquet.compression.codec.zstd.level": "1",  # as ours
    "spark.sql.shuffle.partitions": "8",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}


def bronze(spark: SparkSession, out: Path, table: str, path: Path) -> None:
    """All columns as text; a schema spares the look at the first line that would otherwise be made."""
    with path.open() as file:
        names = file.readline().rstrip("\n").split(",")
    schema = T.StructType([T.StructField(name, T.StringType()) for name in names])
    text = spark.read.csv(str(path), schema=schema, header=True, quote='"', escape='"')
    source = {"_source_file": F.lit(path.name), ROW: F.monotonically_increasing_id()}
    text.withColumns(source).write.mode("overwrite").parquet(str(out / f"bronze_{table}"))


def clashes(text: DataFrame) -> DataFrame | None:
    """Rows that must go because others have their id: all, or where they are alike all but one."""
    loans = text.withColumn("loan", F.when(F.col("id").rlike("^[0-9]+$"), F.col("id").cast("bigint")))
    twice = loans.groupBy("loan").count().where("count > 1 and loan is not null").select("loan").persist()
    if twice.isEmpty():
        return None
    landed = F.xxhash64(*(name for name in text.columns if name != ROW))
    rows = loans.join(F.broadcast(twice), "loan").select("loan", ROW, landed.alias("content"))
    of_loan = Window.partitionBy("loan")
    unlike = F.size(F.collect_set("content").over(of_loan)) > 1
    later = F.row_number().over(of_loan.orderBy(ROW)) > 1
    clash = F.when(unlike, "duplicate_conflict").when(later, "duplicate_identical")
    return rows.select(ROW, clash.alias("clash")).where("clash is not null")


def silver(text: DataFrame, table: str, origins: Sequence[DataFrame]) -> DataFrame:
    """Typed rows with what was refused of each; kept at hand, for several outputs are made of them."""
    columns = work.columns(table)
    found = clashes(text.drop("_source_file"))
    raw = text.select(ROW, *(F.col(column.name).alias(f"raw_{column.name}") for column in columns))
    read = raw.withColumns({column.name: typed(F.col(f"raw_{column.name}"), column) for column in columns})
    read = read.join(F.broadcast(found), ROW, "left") if found else read.withColumn("clash", F.lit(None))
    for origin in origins:
        read = read.join(F.broadcast(origin), "id", "left")
    judged = read.withColumns({f"why_{column.name}": why(column) for column in columns})
    kept = {column.name: still(column) for column in columns}
    kept["member_id"] = F.coalesce(kept["member_id"], F.concat(F.lit("MEM_"), "id"))
    if table == "loan_terms":
        kept["application_date"] = application_date()
    kept |= {"snapshot_date": F.lit(work.SNAPSHOT), "_id": F.col("raw_id"), "_gone": row_refusal(columns)}
    kept["_refused"] = F.when(kept["_gone"].isNotNull(), F.array(kept["_gone"])).otherwise(cell_refusals(columns))
    return judged.select(*(value.alias(name) for name, value in kept.items())).persist()


def application_date() -> Column:
    """A day of the issue month, by Knuth's hash of the id."""
    spread = F.shiftright((F.col("id") % 2**31) * 2_654_435_761 % 2**32, 16)
    days = F.day(F.last_day("issue_d"))
    return F.date_add(F.trunc("issue_d", "month"), (spread % days).cast("int"))


def row_refusal(columns: Sequence[Agreed]) -> Column:
    """The first reason for which the whole row goes, or null."""
    rule = F.when(F.col("raw_id").isNull(), "no_id").otherwise("key")
    found = F.when(F.col("id").isNull(), refusal("id", rule))
    if "issue_d" in {column.name for column in columns}:
        found = found.when(F.col("issue_d").isNull() | F.col("why_issue_d").isNotNull(), refusal("issue_d", rule))
    return found.when(F.col("clash").isNotNull(), refusal(None, F.col("clash")))


def cell_refusals(columns: Sequence[Agreed]) -> Column:
    """Null where, as in most rows, there are none."""
    rules = {column.name: F.col(f"why_{column.name}") for column in columns}
    each = [F.when(rule.isNotNull(), refusal(name, rule)) for name, rule in rules.items()]
    return F.when(F.coalesce(*rules.values()).isNotNull(), F.array_compact(F.array(*each)))


def refusal(name: str | None, rule: Column) -> Column:
    raw = F.col(f"raw_{name}") if name else F.lit(None).cast("string")
    column = F.lit(name).cast("string")
    return F.struct(column.alias("column"), raw.alias("raw"), rule.alias("rule"))


def publish(out: Path, table: str, whole: DataFrame) -> None:
    """Write the silver tables and the rejects; what the rules count is counted on the way."""
    rows = whole.where("_gone is null")
    seen = Observation()
    rules = {name: holds(WORDS) for name, holds in work.RULES[table].items()}
    counts = [F.count("*").alias("rows.out")]
    counts += [F.count(holds).alias(f"rule.{name}.checked") for name, holds in rules.items()]
    counts += [F.count_if(~holds).alias(f"rule.{name}.failed") for name, holds in rules.items()]
    counts += [F.count_if(beyond).alias(name) for name, beyond in work.soft_limits(WORDS, table).items()]
    for place, (name, columns) in enumerate(work.outputs(table).items()):
        observed = rows if place else rows.observe(seen, *counts)
        write(observed.select(columns), out / f"silver_{name}")
    rejects = whole.where("_refused is not null").select(F.col("_id").alias("id"), F.inline("_refused"))
    write(rejects, out / f"rejects_{table}")
    refused = rejects.groupBy("column", "rule").count().collect()
    (out / f"counts_{table}.json").write_text(json.dumps(seen.get | work.counts(map(tuple, refused))))


def features(frames: dict[str, DataFrame]) -> DataFrame:
    """Applications: loans with a row in at least one of the other tables."""
    rows = {name: frame.where("_gone is null").select(engineered.columns_read(name)) for name, frame in frames.items()}
    joined = rows["loan_terms"]
    for name, has in engineered.PARTNERS.items():
        joined = joined.join(rows[name].withColumn(has, F.expr("true")), "id", "left")
    made = [
        engineered.expression(WORDS, column.name).cast(TYPES.get(column.dtype, column.dtype)).alias(column.name)
        for column in engineered.feature_columns()
    ]
    version = F.lit(engineered.VERSION).cast("smallint").alias("feature_set_version")
    applications = joined.where(" or ".join(engineered.PARTNERS.values()))
    return applications.select("id", "application_date", "snapshot_date", version, *made)


def write(frame: DataFrame, path: Path) -> None:
    frame.write.mode("overwrite").parquet(str(path))


def main(landing: Path, out: Path) -> None:
    out.mkdir(exist_ok=True)
    building = SparkSession.builder.master("local[4]")
    for setting, value in SETTINGS.items():
        building = building.config(setting, value)
    spark = building.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    with ThreadPoolExecutor(4) as together:  # a table's last tasks leave cores to the next one's first
        list(together.map(lambda item: bronze(spark, out, *item), work.files(landing).items()))
        frames: dict[str, DataFrame] = {}
        for table, companions in work.COMPANIONS.items():
            text = spark.read.parquet(str(out / f"bronze_{table}"))
            origins = [frames[name].where("_gone is null").select("id", column) for name, column in companions.items()]
            frames[table] = silver(text, table, origins)
        list(together.map(partial(publish, out), frames, frames.values()))
    write(features(frames), out / "features")
    stop(spark)


def stop(spark: SparkSession) -> None:
    """Wait for the Java process, so that its time is counted."""
    gateway = spark.sparkContext._gateway  # noqa: SLF001
    spark.stop()
    gateway.shutdown()
    gateway.proc.stdin.close()
    gateway.proc.wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
