# make train   pretrain an encoder on real embedded data, judge it, draw it
# make test    all tests
# Both make the virtual environment .venv first, where it is missing or out of date.

PYTHON ?= python3
RUN ?= runs/denoising_autoencoder_digits
RECIPE ?= plugins/autoencoding/recipes/denoising_autoencoder_digits.flags
PLUGINS := $(sort $(wildcard plugins/*/pyproject.toml))
BIN := .venv/bin

.PHONY: train test clean

train: .venv/ready
	$(BIN)/sslkeras train --flagfile=$(RECIPE) --output=$(RUN)
	$(BIN)/sslkeras evaluate --run=$(RUN)
	$(BIN)/sslkeras show --run=$(RUN)
	@echo
	@echo "Run folder  $(RUN)"
	@echo "Pictures    $(RUN)/pictures"
	@echo "Probes      $(RUN)/evaluation.json"
	@echo "Encoder     $(RUN)/encoder.keras, or sslkeras.load_encoder(\"$(RUN)\")"

test: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest -n 2 --dist=worksteal $(PYTEST)

.venv/ready: setup.py $(PLUGINS)
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 10) <= v <= (3, 11) else \
	"error: Python must be 3.10 or 3.11 (TensorFlow 2.15). Received: %d.%d. Give another one: make PYTHON=python3.11" % v)'
	@echo "Making the environment .venv (downloads TensorFlow, some minutes the first time)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@($(BIN)/pip install --disable-pip-version-check --upgrade pip && \
		$(BIN)/pip install --disable-pip-version-check --editable ".[test]" \
		$(foreach plugin,$(PLUGINS),--editable $(dir $(plugin)))) > .venv/install.log 2>&1 \
		|| (tail -n 40 .venv/install.log; echo "error: see .venv/install.log"; exit 1)
	@touch $@

clean:
	rm -rf .venv build dist *.egg-info plugins/*/*.egg-info
