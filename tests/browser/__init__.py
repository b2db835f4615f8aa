"""Tests in Chromium against running services: what people see and do."""
