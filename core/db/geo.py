"""Distances on the earth, the same in Python and in SQL on both databases.

The haversine formula on a sphere of 6,371.0088 km (IUGG mean radius) is at most 0.6 % off the true distance.
"""

from __future__ import annotations

from math import asin, cos, degrees, radians, sin, sqrt

from peewee import fn

RADIUS_KM = 6371.0088
#: Name of `kilometres` inside SQLite, whose own mathematical functions not every build has.
FUNCTION = "cooee_kilometres"


def kilometres(
    lat1: float | None, lon1: float | None, lat2: float | None, lon2: float | None
) -> float | None:
    """The distance between two points in degrees; None when one of them is not known."""
    if lat1 is None or lon1 is None or lat2 is None or lon2 is None:
        return None
    across, along = radians(lat2 - lat1) / 2, radians(lon2 - lon1) / 2
    half = sin(across) ** 2 + cos(radians(lat1)) * cos(radians(lat2)) * sin(along) ** 2
    return 2 * RADIUS_KM * asin(sqrt(min(1.0, half)))


def distance(lat, lon, at_lat: float, at_lon: float, postgres: bool):
    """The SQL of `kilometres` between two columns and a point."""
    if not postgres:
        return getattr(fn, FUNCTION)(lat, lon, at_lat, at_lon)
    across, along = fn.RADIANS(lat - at_lat) / 2.0, fn.RADIANS(lon - at_lon) / 2.0
    half = fn.POWER(fn.SIN(across), 2) + fn.COS(fn.RADIANS(lat)) * cos(radians(at_lat)) * fn.POWER(
        fn.SIN(along), 2
    )
    return fn.ASIN(fn.SQRT(fn.LEAST(1.0, half))) * (2 * RADIUS_KM)


def near(lat, lon, at_lat: float, at_lon: float, km: float, postgres: bool):
    """The SQL condition that columns `lat`, `lon` lie within `km` of a point.

    A box around the circle comes first: comparing is a tenth of the work of the formula.
    """
    tall = degrees(km / RADIUS_KM)
    box = lat.between(at_lat - tall, at_lat + tall)
    # Where the circle reaches a pole, or the far side of the earth, every longitude may be inside.
    if abs(at_lat) + tall < 90:
        wide = degrees(asin(min(1.0, sin(radians(tall)) / cos(radians(at_lat)))))
        box &= _between(lon, at_lon - wide, at_lon + wide)
    return box & (distance(lat, lon, at_lat, at_lon, postgres) <= km)


def _between(lon, west: float, east: float):
    """Longitudes from west to east, across the 180th meridian if need be."""
    if west < -180:
        return lon.between(west + 360, 180) | lon.between(-180, east)
    if east > 180:
        return lon.between(west, 180) | lon.between(-180, east - 360)
    return lon.between(west, east)
