"""The id of a deleted row is never given to another: old tabs and links know rows by it."""

from __future__ import annotations

from pathlib import Path

from core.audience import labels
from core.audience.importing import batch
from core.audience.labelling import rules as labelrules
from core.audience.segments import store
from core.audience.sources import store as sources
from core.db import database, onlyonce
from core.db.models import ImportBatch
from core.sending.routes import editing, senders
from core.sending.routes.rules import Target
from tests import campaign_kit as kit


def test_the_highest_id_is_not_given_again(rt):
    first = store.save(rt, "one", {"all": []}, "ann")
    second = store.save(rt, "two", {"all": []}, "ann")
    store.delete(second, "ann")
    store.delete(first, "ann")
    assert store.save(rt, "three", {"all": []}, "ann").id > second.id


def test_nor_is_that_of_a_label_or_its_rule(rt):
    gone = labels.create("spring")
    labels.delete(gone)
    assert labels.create("autumn").id > gone.id
    store.save(rt, "all", {"all": []}, "ann")
    made = [labelrules.create(rt, _rule(rt, name), "ann") for name in ("a", "b")]
    labelrules.delete(made[1].id, "ann")
    assert labelrules.create(rt, _rule(rt, "c"), "ann").id > made[1].id


def _rule(rt, label):
    return labelrules.checked(rt, label, "segment", {"segment": "all"})


def test_nor_that_of_a_route_a_pool_or_a_sender(rt):
    account = kit.account(rt)
    rule = editing.add({"name": "one"}, [Target(account)], who="ann")
    editing.remove(rule.id, who="ann")
    assert editing.add({"name": "two"}, [Target(account)], who="ann").id > rule.id
    pool = senders.put_pool("pool", who="ann")
    sender = senders.put(rt, pool.id, account, "10690", who="ann")
    senders.remove_pool(pool.id, who="ann")
    again = senders.put_pool("pool", who="ann")
    assert again.id > pool.id
    assert senders.put(rt, again.id, account, "10690", who="ann").id > sender.id


def test_nor_that_of_a_source_or_of_a_file_that_was_dropped(rt, tmp_path):
    source = sources.create(rt, "shop", "shopify", who="ann")
    sources.remove(source, who="ann")
    assert sources.create(rt, "shop", "shopify", who="ann").id > source.id
    path = Path(tmp_path, "people.csv")
    path.write_text("phone\n+8613800138000\n")
    first = batch.receive(rt, path, file_name="people.csv", who="ann")
    batch.discard(rt, ImportBatch.get_by_id(first))
    path.write_text("phone\n+8613800138001\n")
    assert batch.receive(rt, path, file_name="people.csv", who="ann") > first


def test_a_number_that_is_lower_than_one_given_before_is_no_news(rt_sqlite):
    with database.write_tx():
        onlyonce.gone("segment", 9)
        onlyonce.gone("segment", 4)
        assert onlyonce.new_id("segment") == {"id": 10}
