"""What a phone's camera reads of a picture."""

import zxingcpp
from PIL import Image


def qr_codes(image: Image.Image) -> list[zxingcpp.Barcode]:
    """The QR codes in it, and nothing else: in one of two hundred the dots happen to look like a strip of bars."""
    return list(zxingcpp.read_barcodes(image, formats=zxingcpp.BarcodeFormat.QRCode))
