"""Thousands of texts at random, the same ones each time: vectors/sms/twilio_random_texts.json counts them."""

import random
from collections.abc import Callable, Iterator

SEED = 3
HOW_MANY = 4000

GSM7_LETTERS = "@£$¥èéùìòÇØøÅåΔΦΓΛΩÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCXYZÄÖÑÜ§¿abcxyzäöñüà\n\r"
ESCAPED = "\f^{}\\[~]|€"
ALPHABETS = [
    ["\r\n", "\n", "\r", " "],
    list("ŵŷâêîôûÁÚúçíÍóÓłąęśżźčšžőű’“”–—…"),
    list("абвгдежзийклмнопрстуфхцчшщъыьэюя"),
    list("ابتثجحخدذرزسشصضطظعغفقكلمنهوي\u064b\u064c\u064d\u064e\u064f\u0650\u0651\u0652"),
    list("कखगघचछजझटठडढतथदधनपफबभमयरलवशषसह\u093e\u093f\u0940\u0941\u0947\u094b\u094d\u0902\u0903"),
    list("કખગઘચછજઝટઠડઢતથદધનપફબભમયરલવશષસહ\u0abe\u0abf\u0ac0\u0ac1\u0ac7\u0acb\u0acd\u0a82\u0a83"),
    list("கஙசஞடணதநபமயரலவழளறன\u0bbe\u0bbf\u0bc0\u0bc1\u0bc6\u0bca\u0bcd\u0bd7"),
    list("কখগঘচছজঝটঠডঢতথদধনপফবভমযরলশষসহ\u09be\u09bf\u09c0\u09c1\u09c7\u09cb\u09cd\u0982"),
    list("กขคงจชซดตถทนบปผพมยรลวสหอ\u0e31\u0e33\u0e34\u0e35\u0e38\u0e48\u0e49\u0e4c"),
    list("天地玄黃宇宙洪荒日月盈昃한글서울\U00020bb7\U00020bb8"),
    ["e\u0301", "a\u0308", "n\u0303", "g\u0306\u0301", "\u0301", "\u0308", "e\u0301\u0301\u0301"],
    list("😀😜🚀🎉❤☎✅👍🏠🧑"),
    ["👨‍👩‍👧‍👦", "👩‍🚀", "🏳️‍🌈", "👩🏽‍⚕️", "👍🏽", "👋🏿", "🇬🇧", "🇮🇹", "🏴󠁧󠁢󠁷󠁬󠁳󠁿", "1️⃣", "❤️"],
]
EDGES = (70, 134, 160, 201, 306, 459)


def random_texts() -> Iterator[str]:
    """Half of them in GSM-7, most of them about as long as some number of parts.

    Only `Random.random` is drawn from: the rest of the module may draw otherwise in another Python.
    """
    draw = random.Random(SEED).random
    for number in range(HOW_MANY):
        if number % 2:
            alphabets = [list(GSM7_LETTERS), list(ESCAPED)][: 1 + int(draw() * 2)]
        else:
            alphabets = [ALPHABETS[int(draw() * len(ALPHABETS))] for _ in range(1 + int(draw() * 3))]
            alphabets.append(list(GSM7_LETTERS))
        length = EDGES[int(draw() * len(EDGES))] - 6 + int(draw() * 12)
        length = length if draw() < 0.8 else int(length * draw())
        yield _text(draw, alphabets, length)


def _text(draw: Callable[[], float], alphabets: list[list[str]], length: int) -> str:
    text, units = "", 0
    while units < length:
        alphabet = alphabets[int(draw() * len(alphabets))]
        piece = alphabet[int(draw() * len(alphabet))]
        text += piece
        units += len(piece.encode("utf-16-le")) // 2
    return text
