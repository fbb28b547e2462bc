"""Wider families of the Japanese rules: hints, thanks and passives, and good wordings near them."""

import pytest

from apologylab.catalogue.locales import language
from apologylab.remedy.lint.linting import lint

BAD = [
    "社内の連携がうまくいかず、このような結果となってしまいました。",
    "お待ちいただきありがとうございました。またのご利用をお待ちしております。",
    "パスワードの管理はお客様ご自身でお願いしております。",
    "配送業者さんが荷物をなくしてしまったようで、こちらとしても困っております。",
    "社員一同、より一層気を引き締めてまいります。",
    "システムの不具合により、料金が過大に請求されました。",
    "電池は消耗品ですので、もともと長くはもちません。",
    "今回の件を糧に、より愛される企業を目指してまいります。",
    "現在確認中でございまして、今しばらくお時間を頂戴できればと存じます。",
    "価格の変更は当社の裁量によるものであり、個別のご案内は義務づけられておりません。",
    "お優しいお客様のことですから、きっと事情をお察しいただけると存じます。",
]
GOOD = [
    "布団に染みがございました。検品で見落としました。新しい布団を明日お送りします。お手元の品は処分していただいて構いません。",
    "暖房のない部屋で4時間お過ごしいただくことになりました。もっと早く伺うべきでした。申し訳ございません。",
    "お送りいただいた写真を拝見しました。ケーキの箱がつぶれておりました。当店の包み方が弱かったためです。全額を返金いたしました。",
    "ご注文は取り消されました。お支払いの2,400円は3日以内にカードへ戻ります。",
]


@pytest.mark.parametrize("text", BAD)
def test_a_hint_a_thank_you_or_a_passive_in_place_of_owning_is_flagged(text):
    assert lint(text, language("ja"))


@pytest.mark.parametrize("text", GOOD)
def test_a_good_wording_near_them_is_clean(text):
    assert [str(flaw) for flaw in lint(text, language("ja"))] == []
