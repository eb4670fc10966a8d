"""`cooee demo` makes an instance worth looking at, by the ordinary ways, and only in an empty one."""

import json
import random

from core.db import database
from core.db.codes import State
from core.demo import people
from core.measure import counts


def test_the_demo_fills_an_empty_instance_and_its_books_add_up(cli):
    result = cli("demo", "--contacts", "400", "--json")
    assert result.exit_code == 0, result.stderr
    done = json.loads(result.stdout)
    assert done["contacts"] == 400 == database.scalar("SELECT COUNT(*) FROM contact")
    sent = counts.by_state(done["sent"])
    assert sum(sent.values()) == database.scalar(
        "SELECT audience FROM campaign WHERE id = ?", (done["sent"],)
    )
    assert not {"ready", "claimed", "submitting"} & set(sent)
    # Of some 360 people 5 % are kept aside; of the few gold ones perhaps nobody.
    assert counts.by_state(done["running"])["holdout"] > 0
    assert (
        database.scalar(
            "SELECT COUNT(*) FROM message WHERE campaign_id = ? AND state = ?", (done["running"], State.ready)
        )
        > 300
    )
    assert cli("verify").exit_code == 0


def test_the_same_seed_makes_the_same_people(tmp_path):
    files = [tmp_path / f"{n}.csv" for n in range(3)]
    for file, seed in zip(files, (7, 7, 8), strict=True):
        people.write_csv(file, 120, random.Random(seed))
    assert files[0].read_bytes() == files[1].read_bytes() != files[2].read_bytes()


def test_an_instance_with_data_is_left_alone(cli_sqlite):
    cli_sqlite("demo", "--contacts", "120")
    refused = cli_sqlite("demo", "--contacts", "120")
    assert refused.exit_code == 1
    assert refused.stderr.strip().endswith("fills empty ones only.")
