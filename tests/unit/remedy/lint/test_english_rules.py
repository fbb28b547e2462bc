"""True and false positives of each English rule; and whole wordings, written beside the rules."""

from pathlib import Path

import pytest

from apologylab.catalogue.locales import language
from apologylab.remedy.lint.linting import lint

EN = language("en")
HERE = Path(__file__).parent
FLAWED = {
    "blames_feelings": [
        "I’m sorry you feel that way.",
        "We are sorry that you were disappointed with the room.",
        "Sorry you took it that way!",
        "We regret your disappointment.",
        "We are sorry that our service did not meet your expectations.",
        "We’re sorry that our reply came across as rude.",
        "We understand that you may be frustrated.",
    ],
    "conditional_apology": [
        "We apologise if our driver was rude.",
        "If anyone was offended, we are sorry.",
        "Sorry for any trouble.",
        "We regret the delay this may have caused.",
        "Our apologies should you have waited.",
        "We apologize to anyone who may have been affected.",
        "We are sorry about the perceived rudeness.",
    ],
    "passive_evasion": [
        "Mistakes were made with your order.",
        "It appears that your booking was lost.",
        "An error occurred on your invoice.",
        "There has been a mix-up with your bags.",
        "Your flight was impacted by the events of Friday.",
        "Something went wrong with your payment.",
        "The wrong item was shipped.",
        "Lessons have been learned.",
    ],
    "policy_shield": [
        "According to our policy, opened items cannot come back.",
        "Our terms and conditions clearly exclude this.",
        "We are not liable for delays.",
        "That is how the system works.",
        "The fare rules do not allow changes.",
    ],
    "blames_customer": [
        "You should have checked the size chart.",
        "Had you called us, we could have helped.",
        "You failed to provide the flat number.",
        "You did not answer the door.",
        "As you provided the wrong address, the parcel came back.",
        "This was caused by your phone settings.",
        "Please double-check your details next time.",
        "User error is the usual reason.",
    ],
    "blames_third_party": [
        "Sorry, our courier partner let you down.",
        "We are sorry for the wait, which was due to the fault of the restaurant.",
        "This is not our fault.",
        "It was the hotel who cancelled.",
        "The delay was beyond our control.",
        "The driver responsible has been dismissed.",
        "We only deliver.",
    ],
    "minimises": [
        "It was only a few minutes.",
        "We are sorry for the minor delay.",
        "These things happen.",
        "Most customers do not mind.",
        "Nobody is perfect.",
        "The phone still works.",
        "At least the food was hot.",
    ],
    "unkeepable_promise": [
        "This will never happen again.",
        "We guarantee a perfect ride.",
        "From now on you will always be on time.",
        "Your next delivery will be 100% correct.",
        "You have our word.",
        "We will do everything in our power.",
        "Nobody will ever wait like this again.",
    ],
    "grovelling": [
        "We are deeply, deeply sorry.",
        "Words cannot express how we feel.",
        "A thousand apologies!",
        "We beg you to forgive us.",
        "We are mortified.",
        "We can never forgive ourselves.",
    ],
    "manipulation": [
        "Please don’t leave a bad review.",
        "We hope you won’t hold it against our drivers.",
        "As a loyal customer, you will see it our way.",
        "Give us five stars!",
        "Thank you for your understanding.",
        "If you take down your review, we will refund you.",
        "Our drivers are doing their best.",
        "We are only a small family business.",
    ],
    "about_us": [
        "We pride ourselves on our kitchen.",
        "We take complaints very seriously.",
        "Our team works hard every day.",
        "Your satisfaction is our highest priority.",
        "This has been a difficult week for us.",
    ],
    "arguing": [
        "However, our records show that it was delivered.",
        "Technically, it was not late.",
        "With all due respect, the app was clear.",
        "We have no record of your call.",
        "We cannot agree with that.",
        "Contrary to what you say, the room was clean.",
        "We are sorry, but the traffic was heavy.",
    ],
    "needless_handover": [
        "Your concern has been escalated to the relevant department.",
        "Please contact our customer service.",
        "I have forwarded your complaint to the management team.",
        "A member of our team will be in touch.",
        "You will need to fill in a form.",
    ],
    "reading_level": [
        "We are sorry for the inconvenience caused.",
        "Kindly be advised that it is late.",
        "We are improving this going forward.",
        "We regret to inform you that it is late.",
    ],
    "money_first": ["Please accept a $5 voucher as our apology."],
    "formality": ["Sorry about that, lol.", "So sorry!!! We lost it!!!"],
    "empty_placeholder": ["Dear , we lost your bag.", "Dear, we lost your bag.", "It arrives on ."],
}  # fmt: skip
FINE = {
    "blames_feelings": [
        "We are sorry that we made you feel unwelcome.",
        "We are sorry that you found glass in your salad.",
        "We are sorry that we disappointed you.",
        "You are right to be angry.",
    ],
    "conditional_apology": [
        "If you would rather have a refund, reply to this message.",
        "We are sorry. If it is not there by six, call me.",
        "Sorry again; if you prefer another day, tell us which.",
        "We are sorry to everyone who waited in the rain.",
    ],
    "passive_evasion": [
        "The problem happened because we had not tested the change.",
        "We made a mistake with your order.",
        "Your order was late.",
        "Something went wrong in our kitchen: we dropped your cake.",
        "The mistake was ours.",
    ],
    "policy_shield": [
        "We did not follow our own procedure.",
        "We have changed our refund policy since.",
        "Our privacy policy is here.",
    ],
    "blames_customer": [
        "You did nothing wrong.",
        "You should have had your order at seven.",
        "You should not have had to ask twice.",
        "The address that you gave us was right.",
        "None of this was your fault.",
        "This was our mistake, not yours and not your driver’s.",
        "You must have been worried.",
        "Next time you order, delivery is free.",
    ],
    "blames_third_party": [
        "Our courier lost your parcel. That is our responsibility: we chose them.",
        "Your courier brings it by noon.",
        "We were late because we sent the driver to the wrong gate.",
        "Due to fog, flight 204 leaves at 9:50.",
    ],
    "minimises": [
        "Only two of your three books came.",
        "This was more than a small mistake.",
        "If it happens again, write to me.",
        "It takes only two minutes to answer.",
        "The letter showed other customers’ names.",
    ],
    "unkeepable_promise": [
        "From Monday 3 June a second person checks every bag.",
        "We cannot promise that no train will be late.",
        "You can always write to me.",
        "The money is in your account by Friday 5 April.",
        "We have refunded 100% of the price.",
    ],
    "grovelling": [
        "We are very sorry.",
        "I am deeply sorry.",
        "We are sorry that we embarrassed you.",
        "Please forgive us.",
    ],
    "manipulation": [
        "We have read your review, and you are right.",
        "Thank you for telling us.",
        "You had a long day, and we made it longer.",
        "We hope that you will ride with us again.",
    ],
    "about_us": ["We know that you had planned your day around this.", "You took your time to write."],
    "arguing": [
        "Our records show that we charged you twice.",
        "You are right, and the bill was wrong.",
        "We are sorry, but we can’t repair it; we can send a new one.",
        "We do not think that this was good enough.",
        "We cannot bring the evening back, but we have refunded it.",
    ],
    "needless_handover": [
        "I passed your case to Anna, who will call you by five today.",
        "You do not have to fill in a form.",
        "We handed your parcel to the courier too late.",
        "Reply to this message, or call me.",
    ],
    "reading_level": ["It was more than an inconvenience: you missed your train."],
    "money_first": ["We are sorry: we were late. We have put $5 into your account."],
    "formality": ["Sorry! We forgot your drink."],
    "empty_placeholder": ["Hello, we lost your bag.", "Hi Ana, it comes at five."],
}  # fmt: skip


def rules(text):
    return {flaw.rule for flaw in lint(text, EN)}


@pytest.mark.parametrize(("rule", "text"), [(r, t) for r, texts in FLAWED.items() for t in texts])
def test_a_true_positive(rule, text):
    assert rule in rules(text)


@pytest.mark.parametrize(("rule", "text"), [(r, t) for r, texts in FINE.items() for t in texts])
def test_no_false_positive(rule, text):
    assert rule not in rules(text)


def test_every_rule_of_the_file_has_both():
    assert {rule.name for rule in EN.rules} <= set(FLAWED) & set(FINE)


def whole(name):
    text = (HERE / f"beside_the_rules.{name}.txt").read_text(encoding="utf-8")
    return [each.strip() for each in text.split("\n===\n")]


@pytest.mark.parametrize("text", whole("bad"))
def test_a_bad_wording_is_flagged(text):
    assert lint(text, EN)


@pytest.mark.parametrize("text", whole("good"))
def test_a_good_wording_is_clean(text):
    assert [str(each) for each in lint(text, EN)] == []
