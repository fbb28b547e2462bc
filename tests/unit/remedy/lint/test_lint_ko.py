"""Wider families of the Korean rules: hints, thanks and passives, and good wordings near them."""

import pytest

from apologylab.catalogue.locales import language
from apologylab.remedy.lint.linting import lint

BAD = [
    "이번 건은 내부 커뮤니케이션 과정에서 전달이 원활하게 이루어지지 못한 것으로 확인됩니다.",
    "기다려 주셔서 감사합니다. 앞으로도 많은 이용 부탁드립니다.",
    "저희는 플랫폼이라 음식의 품질까지는 관여하지 않습니다.",
    "원래 이 시간대에는 다 그렇습니다.",
    "더욱 노력하는 저희가 되겠습니다.",
    "반품 기간이 지나서 접수가 안 됩니다.",
    "누구에게나 일어날 수 있는 일이니 너무 속상해하지 마세요.",
    "치킨이 식어서 왔다고요? 저희는 바로 튀겨서 보냈는데요.",
    "문의하신 건은 당사 귀책이 아닌 것으로 판단됩니다.",
    "이번 일을 거울삼아 더욱 사랑받는 기업이 되겠습니다.",
    "해당 내용은 확인 중에 있으며 시간이 다소 소요될 수 있습니다.",
]
GOOD = [
    "인터넷이 3시간 동안 끊겼습니다. 재택근무 중이셨다면 일을 못 하셨을 텐데, 죄송합니다. 오늘치 요금은 받지 않겠습니다.",
    "고객님의 사진을 잘못 인화했습니다. 다시 뽑아 내일까지 보내 드립니다. 비용은 없습니다.",
    "고객님께서 잘못하신 것은 없습니다. 저희 화면의 안내가 틀렸습니다.",
    "진료를 한 시간이나 기다리셨습니다. 저희가 예약을 무리하게 받았기 때문입니다. 죄송합니다.",
    "주문이 취소되었습니다. 결제하신 24,000원은 3일 안에 카드로 돌아갑니다.",
]


@pytest.mark.parametrize("text", BAD)
def test_a_hint_a_thank_you_or_a_passive_in_place_of_owning_is_flagged(text):
    assert lint(text, language("ko"))


@pytest.mark.parametrize("text", GOOD)
def test_a_good_wording_near_them_is_clean(text):
    assert [str(flaw) for flaw in lint(text, language("ko"))] == []
