# Targets that build nothing of their own.
help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-14s %s\n",$$1,$$2}' $(MAKEFILE_LIST)

clean: ## remove what was built
	rm -rf $(BUILD)

.PHONY: help clean
