/* rehome - wires the command line to the rooms; all else is in cli */
int main(void)
{
	return 2;
}
