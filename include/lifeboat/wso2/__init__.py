"""What Lifeboat knows about WSO2 products: their files, their versions and the rules of their databases."""
