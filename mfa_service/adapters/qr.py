"""QR codes as SVG, made by the qrcode package without an image library."""

import io

import qrcode
from qrcode.constants import ERROR_CORRECT_M
from qrcode.image.svg import SvgPathImage


def svg(text: str) -> str:
    """Return an SVG of `text` with a quiet zone, black on transparent."""
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_M, border=4, box_size=10)
    code.add_data(text)
    code.make(fit=True)
    buffer = io.BytesIO()
    code.make_image(image_factory=SvgPathImage).save(buffer)
    return buffer.getvalue().decode("utf-8")
