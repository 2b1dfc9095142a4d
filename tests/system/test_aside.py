"""A large text is cut into tokens while others are served, hosted and booted."""

import threading

import pytest
import requests

TEXT = "The keeper of the lighthouse wrote down every ship that passed. " * 12_000


@pytest.mark.parametrize("target", ["hosted", "x86_64", "i386"])
@pytest.mark.parametrize("text", [TEXT, TEXT.replace(" ", "")], ids=["words", "one word"])
def test_health_is_answered_meanwhile(appliances, target, text):
    machine = appliances(target)
    done = []

    def tokenize():
        answer = requests.post(machine.url + "/tokenize", json={"content": text}, timeout=300)
        done.append((answer.status_code, answer.json()["tokens"]))

    thread = threading.Thread(target=tokenize)
    thread.start()
    served = 0
    while not done:
        assert requests.get(machine.url + "/health", timeout=60).status_code == 200
        served += not done
    thread.join()
    status, tokens = done[0]
    assert status == 200
    assert served >= 5
    back = requests.post(machine.url + "/detokenize", json={"tokens": tokens}, timeout=300)
    assert back.json()["content"] == text
