"""Places of the British National Grid, eastings and northings in metres, as latitude and longitude.

By the formulas and figures that Ordnance Survey publishes in "A guide to coordinate systems in Great Britain",
annexes B and C: back from the map's projection, then from the ellipsoid of Airy to that of GPS. The seven figures
of the second step are good to some five metres anywhere in Britain, which is less than a postcode is.
"""

from math import atan2, cos, degrees, hypot, radians, sin, sqrt, tan

_AIRY_A, _AIRY_B = 6377563.396, 6356256.909
_GPS_A, _GPS_B = 6378137.0, 6356752.3141
_SCALE = 0.9996012717
_TRUE_ORIGIN = radians(49), radians(-2)
_FALSE_E, _FALSE_N = 400_000, -100_000
_SHIFT_M = 446.448, -125.157, 542.060
_TURN = tuple(radians(seconds / 3600) for seconds in (0.1502, 0.2470, 0.8421))
_STRETCH = 1 - 20.4894e-6


def to_degrees(easting: float, northing: float) -> tuple[float, float]:
    """Latitude and longitude as GPS has them."""
    x, y, z = _on_gps(*_in_space(*_off_the_map(easting, northing)))
    return _degrees(x, y, z)


def _off_the_map(easting: float, northing: float) -> tuple[float, float]:
    """Latitude and longitude in radians on Airy's ellipsoid: the inverse of the transverse Mercator projection."""
    lat = _TRUE_ORIGIN[0]
    while True:
        left = northing - _FALSE_N - _meridian(lat)
        lat += left / (_AIRY_A * _SCALE)
        if abs(left) < 1e-5:
            break
    e2 = 1 - _AIRY_B**2 / _AIRY_A**2
    bulge = 1 - e2 * sin(lat) ** 2
    nu = _AIRY_A * _SCALE / sqrt(bulge)
    rho = nu * (1 - e2) / bulge
    eta2 = nu / rho - 1
    t, t2 = tan(lat), tan(lat) ** 2
    e = (easting - _FALSE_E) / nu
    north = e**2 / 2 - e**4 / 24 * (5 + 3 * t2 + eta2 - 9 * t2 * eta2) + e**6 / 720 * (61 + 90 * t2 + 45 * t2**2)
    east = (
        e
        - e**3 / 6 * (nu / rho + 2 * t2)
        + e**5 / 120 * (5 + 28 * t2 + 24 * t2**2)
        - e**7 / 5040 * (61 + 662 * t2 + 1320 * t2**2 + 720 * t2**3)
    )
    return lat - t * nu / rho * north, _TRUE_ORIGIN[1] + east / cos(lat)


def _meridian(lat: float) -> float:
    """Metres on the map along the meridian from the true origin to this latitude."""
    n = (_AIRY_A - _AIRY_B) / (_AIRY_A + _AIRY_B)
    less, more = lat - _TRUE_ORIGIN[0], lat + _TRUE_ORIGIN[0]
    return (_AIRY_B * _SCALE) * (
        (1 + n + 5 / 4 * n**2 + 5 / 4 * n**3) * less
        - (3 * n + 3 * n**2 + 21 / 8 * n**3) * sin(less) * cos(more)
        + (15 / 8 * n**2 + 15 / 8 * n**3) * sin(2 * less) * cos(2 * more)
        - 35 / 24 * n**3 * sin(3 * less) * cos(3 * more)
    )


def _in_space(lat: float, lon: float) -> tuple[float, float, float]:
    """Metres from the middle of Airy's ellipsoid."""
    e2 = 1 - _AIRY_B**2 / _AIRY_A**2
    nu = _AIRY_A / sqrt(1 - e2 * sin(lat) ** 2)
    return nu * cos(lat) * cos(lon), nu * cos(lat) * sin(lon), (1 - e2) * nu * sin(lat)


def _on_gps(x: float, y: float, z: float) -> tuple[float, float, float]:
    """The same point as seen from the middle of GPS's ellipsoid: shifted, turned a little and shrunk."""
    turn_x, turn_y, turn_z = _TURN
    return (
        _SHIFT_M[0] + _STRETCH * x - turn_z * y + turn_y * z,
        _SHIFT_M[1] + turn_z * x + _STRETCH * y - turn_x * z,
        _SHIFT_M[2] - turn_y * x + turn_x * y + _STRETCH * z,
    )


def _degrees(x: float, y: float, z: float) -> tuple[float, float]:
    e2 = 1 - _GPS_B**2 / _GPS_A**2
    across = hypot(x, y)
    lat = atan2(z, across * (1 - e2))
    for _ in range(5):
        nu = _GPS_A / sqrt(1 - e2 * sin(lat) ** 2)
        lat = atan2(z + e2 * nu * sin(lat), across)
    return degrees(lat), degrees(atan2(y, x))
