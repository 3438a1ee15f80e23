"""Columns to what networks see, and back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sparring.kinds import codec_from_json
from sparring.kinds.tables.data.codec import TableCodec, table_codec
from sparring.kinds.tables.data.coding import ONE_EACH, Choice, Number, fit_code
from sparring.kinds.tables.data.column import Column
from sparring.kinds.tables.data.reading import read_sheet
from tests.kinds.tables.data.made import NAN, mixed_codec, mixed_sheet


@pytest.mark.parametrize("numbers", ["auto", "mixture", "ranks"])
def test_rows_come_back(numbers: str) -> None:
    sheet = mixed_sheet()
    codec = mixed_codec(numbers)  # type: ignore[arg-type]
    stored = torch.from_numpy(sheet.values)
    seen = codec.encode(stored)
    assert seen.shape == (600, *codec.shape)
    assert float(seen.min()) >= -1
    assert float(seen.max()) <= 1
    back = codec.decode(seen)
    assert torch.equal(back.isnan(), stored.isnan())
    exact = [2, 3, 5]
    assert torch.equal(back[:, exact].nan_to_num(-1), stored[:, exact].nan_to_num(-1))
    spread = stored.nan_to_num().std(0)
    error = (back - stored).abs().nan_to_num().mean(0)
    assert bool((error[[0, 1, 4]] < 0.02 * spread[[0, 1, 4]]).all()), error / spread


def test_each_block_of_a_real_row_is_one_of_several() -> None:
    codec, sheet = mixed_codec(), mixed_sheet()
    seen = codec.encode(torch.from_numpy(sheet.values))
    for place in codec.layout.places:
        for start, width in place.blocks:
            block = seen[:, start : start + width]
            assert torch.equal(block.sum(1), torch.ones(600))
            assert torch.equal(block.amax(1), torch.ones(600))


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_whatever_networks_make_is_a_legal_row(seed: int) -> None:
    codec = mixed_codec()
    made = torch.randn(50, *codec.shape, generator=torch.Generator().manual_seed(seed)) * 3
    rows = codec.decode(made)
    for place, column in enumerate(codec.columns):
        values = rows[:, place]
        known = values[~values.isnan()]
        assert column.missing or len(known) == len(values)
        if column.categories:
            assert set(known.tolist()) <= set(range(len(column.categories)))
        elif column.learned:
            assert bool((known >= column.low).all())
            assert bool((known <= column.high).all())
            assert torch.equal(known, known.round(decimals=column.decimals))


def test_a_spike_among_neighbours_is_a_piece_of_its_own() -> None:
    sheet = mixed_sheet()
    code = fit_code(sheet.columns[1], sheet.values[:, 1], "auto")
    assert isinstance(code, Number)
    assert code.spikes == (40.0,)
    smooth = np.random.default_rng(0).integers(0, 100, 2000).astype(float)
    even = fit_code(Column("x", "integer", low=0, high=99), smooth, "auto")
    assert isinstance(even, Number)
    assert even.spikes == ()


def test_a_number_of_few_values_is_one_of_several() -> None:
    values = np.random.default_rng(0).choice([0.0, 1.0, 5.0], 500)
    code = fit_code(Column("x", "integer", low=0, high=5), values, "auto")
    assert isinstance(code, Number)
    assert (code.spikes, code.scalar, code.widths) == ((0.0, 1.0, 5.0), False, (3,))


def test_mixtures_where_they_fit_and_else_ranks() -> None:
    draw = np.random.default_rng(0)
    column = Column("x", "float", low=-1e9, high=1e9, decimals=6)
    modes = np.concatenate([draw.normal(m, 0.1, 500) for m in (0, 5, 9)])
    found = fit_code(column, modes, "auto")
    assert isinstance(found, Number)
    assert sorted(round(mean) for mean in found.means) == [0, 5, 9]
    heavy = draw.choice([-1, 1], 3000) * np.exp(draw.normal(0, 6, 3000))
    ranked = fit_code(column, heavy, "auto")
    assert isinstance(ranked, Number)
    assert ranked.means == ()
    assert len(ranked.knots) > 100
    shares, _ = ranked.encode(torch.from_numpy(heavy))
    assert shares is not None
    assert abs(float(shares.mean())) < 0.01
    assert abs(float(shares.std()) - 1 / 3**0.5) < 0.01  # uniform in [-1, 1]


@pytest.mark.parametrize("count", [2, ONE_EACH, ONE_EACH + 1, 10_000])
@pytest.mark.parametrize("missing", [True, False])
def test_choices_come_back_however_many(count: int, missing: bool) -> None:
    code = Choice(count, missing)
    assert sum(code.widths) <= max(ONE_EACH + 1, 202)
    values = torch.arange(count, dtype=torch.float64)
    if missing:
        values = torch.cat((values, torch.tensor([NAN], dtype=torch.float64)))
    scalar, chosen = code.encode(values)
    assert scalar is None
    assert torch.equal(code.decode(None, chosen).nan_to_num(-1), values.nan_to_num(-1))


def test_the_codec_survives_json(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    lines = ["id,size,hours,town,tall,day"]
    for row in range(300):
        hours = "" if row % 9 == 0 else draw.integers(1, 99)
        town, tall = draw.choice(["Ulm", "Bonn", ""]), draw.choice(["no", "yes"])
        lines.append(f"K-{row:04d},{draw.normal():.2f},{hours},{town},{tall},2020-0{1 + row % 9}-11 10:30")
    (tmp_path / "rows.csv").write_text("\n".join(lines))
    sheet = read_sheet(tmp_path / "rows.csv")
    codec, stored = table_codec(sheet.columns, sheet.values, sheet.dialect, "auto"), torch.from_numpy(sheet.values)
    assert {column.kind for column in codec.columns} >= {"identifier", "float", "integer", "category", "datetime"}
    again = codec_from_json(json.loads(json.dumps(codec.to_json())))
    assert isinstance(again, TableCodec)
    assert torch.equal(again.encode(stored), codec.encode(stored))
    assert torch.equal(again.to_unit(stored), codec.to_unit(stored))


def test_features_put_a_choice_as_far_as_the_ends_of_a_number() -> None:
    sheet = mixed_sheet()
    codec = mixed_codec()
    row = torch.from_numpy(sheet.values[:1]).clone()
    row[0, 1] = 50
    row[0, 2] = 0
    other, far = row.clone(), row.clone()
    other[0, 2] = 1
    row[0, 0], far[0, 0] = codec.columns[0].low, codec.columns[0].high
    other[0, 0] = row[0, 0]
    gaps = [float((codec.to_unit(row) - codec.to_unit(one)).norm()) for one in (other, far)]
    assert gaps == pytest.approx([1, 1], abs=0.01)


@pytest.mark.parametrize("values", [[3.0], [3.0, NAN], [3.0, 3.0, 4.0]])
def test_columns_of_next_to_nothing(values: list[float]) -> None:
    array = np.array(values)
    column = Column("x", "float", low=3, high=4, decimals=1, missing=bool(np.isnan(array).any()))
    codec = table_codec([column], array[:, None], {}, "auto")
    back = codec.decode(codec.encode(torch.from_numpy(array[:, None])))[:, 0]
    assert torch.equal(back.nan_to_num(-1), torch.from_numpy(array).nan_to_num(-1))
